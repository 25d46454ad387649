package echobench

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/load"
)

// bar shows how far a run is; nil shows nothing.
type bar struct {
	bar *progressbar.ProgressBar
}

// barWidth is the columns of the bar itself.
const barWidth = 30

// newBar makes a bar where somebody looks, or asked for it.
func newBar(stderr io.Writer, wanted bool) *bar {
	if !wanted && !isTerminal(stderr) {
		return nil
	}
	return &bar{progressbar.NewOptions64(1,
		progressbar.OptionSetWriter(stderr),
		progressbar.OptionSetWidth(barWidth),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionClearOnFinish(),
	)}
}

// show moves the bar.
func (b *bar) show(p load.Progress) {
	if b == nil {
		return
	}
	text := fmt.Sprintf("%-12s", p.Phase)
	if p.Phase == load.Connecting {
		text += fmt.Sprintf(" %d", p.Connected)
	} else {
		text += fmt.Sprintf(" %d echoes", p.Echoes)
	}
	if p.Lost > 0 {
		text += fmt.Sprintf(", %d lost", p.Lost)
	}
	b.bar.ChangeMax64(max(int64(p.Whole/time.Millisecond), 1))
	b.bar.Describe(text)
	// A full bar is finished, and would be cleared while the answers are still coming in.
	_ = b.bar.Set64(min(int64(p.Elapsed/time.Millisecond), b.bar.GetMax64()-1))
}

// clear takes the bar away: the summary follows.
func (b *bar) clear() {
	if b != nil {
		_ = b.bar.Finish()
	}
}

// isTerminal says whether somebody may be looking.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}

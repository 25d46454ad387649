package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
)

// patience is how long a test waits for what must come before it gives up.
const patience = 30 * time.Second

// output is what the program has written so far.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed by the next write
}

func newOutput() *output { return &output{changed: make(chan struct{})} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.text.Write(b)
}

func (o *output) read() (text string, changed <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.changed
}

// await waits until the output matches, and gives the submatches.
func (o *output) await(t testing.TB, pattern string) []string {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		text, changed := o.read()
		if found := regexp.MustCompile(pattern).FindStringSubmatch(text); found != nil {
			return found
		}
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("waited in vain for %q in:\n%s", pattern, text)
		}
	}
}

// program is the example while it runs.
type program struct {
	address        string
	stdout, stderr *output
	signals        chan os.Signal
	exited         chan int
}

// start runs the example on a free port. At the end of the test it is stopped, and must leave nothing.
func start(t testing.TB) *program {
	t.Helper()
	ringtest.Require(t)
	ringtest.Descriptors(t)
	p := &program{stdout: newOutput(), stderr: newOutput(), signals: make(chan os.Signal, 1), exited: make(chan int, 1)}
	go func() { p.exited <- run([]string{"-listen", "127.0.0.1:0"}, p.stdout, p.stderr, p.signals) }()
	t.Cleanup(func() {
		p.signals <- syscall.SIGTERM
		select {
		case status := <-p.exited:
			require.Equal(t, exitDone, status)
			require.Contains(t, p.printed(), "Closing the listener...\n")
		case <-time.After(patience):
			t.Fatal("the program does not end")
		}
	})
	p.address = p.stdout.await(t, `Local address and port : (\S+)\n`)[1]
	return p
}

func (p *program) printed() string {
	text, _ := p.stdout.read()
	return text
}

// socat sends data to the program with a client that others wrote, and waits until the program has closed.
func (p *program) socat(t testing.TB, data string) {
	t.Helper()
	path, err := exec.LookPath("socat")
	if err != nil {
		const mend = "socat is missing; install it (Debian: apt-get install socat)"
		if os.Getenv("CI") == "true" {
			t.Fatal(mend)
		}
		t.Skip(mend)
	}
	// -t: how long it waits, once its input has ended, for the program to end the other direction.
	c := exec.Command(path, "-t30", "-", "TCP4:"+p.address)
	c.Stdin = strings.NewReader(data)
	answer, err := c.CombinedOutput()
	require.NoError(t, err, "%s", answer)
	require.Empty(t, string(answer), "the program answers nothing")
}

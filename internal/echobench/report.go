package echobench

import (
	"fmt"

	"github.com/ringport/ringport/internal/report"
)

// reportCommand writes the report of a comparison anew.
type reportCommand struct {
	Folder string `arg:"" placeholder:"DIR" help:"The folder that compare wrote."`
}

// Help is what --help says beside the flags.
func (reportCommand) Help() string {
	return `It reads results.json and manifest.json of the folder, writes report.html, bench.txt and hdr/ anew, and prints ` +
		`the tables. Nothing is measured.`
}

// run writes it; it returns the exit status.
func (c reportCommand) run(p process) (status int) {
	outcome, manifest, err := report.Read(c.Folder)
	if err == nil {
		err = report.Write(c.Folder, outcome, manifest)
	}
	if err == nil {
		err = report.WriteText(p.stdout, outcome)
	}
	if err != nil {
		return failed(p.stderr, err)
	}
	fmt.Fprintf(p.stdout, "the report is in %s/%s\n", c.Folder, report.HTMLFile)
	return exitDone
}

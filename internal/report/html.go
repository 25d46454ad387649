package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/ringport/ringport/internal/matrix"
)

//go:embed report.tmpl.html
var pageText string

var pageTemplate = template.Must(template.New("report").Parse(pageText))

// page is what the template shows.
type page struct {
	First     string
	Others    string
	Started   string
	Took      string
	Quick     bool
	Rounds    int
	Runs      int
	Summary   []Sentence
	Caveats   []string
	Tables    []Table
	Figures   []Figure
	Legend    []legend
	Problems  []Problem
	Facts     []fact
	Versions  []fact
	Sysctls   []fact
	Exposures []fact // what the kernel does against faults of the CPU
}

// legend is a server and what its line looks like.
type legend struct {
	Name   string
	Swatch template.HTML
}

// fact is a name and a value.
type fact struct{ Name, Value string }

// WriteHTML writes the report as one document that needs nothing else: no script, no font, no picture of another file.
func WriteHTML(w io.Writer, o matrix.Outcome, m matrix.Manifest) error {
	p, err := pageOf(o, m)
	if err != nil {
		return err
	}
	if err := pageTemplate.Execute(w, p); err != nil {
		return fmt.Errorf("report: write the page: %w", err)
	}
	return nil
}

func pageOf(o matrix.Outcome, m matrix.Manifest) (page, error) {
	figures, err := Figures(o)
	if err != nil {
		return page{}, err
	}
	tables := Tables(o)
	p := page{
		First:     o.Servers[0].Name,
		Started:   m.Started.UTC().Format("2 January 2006, 15:04 UTC"),
		Took:      m.Took,
		Quick:     o.Quick,
		Rounds:    o.Rounds,
		Runs:      len(o.Records),
		Summary:   Sentences(o, tables),
		Caveats:   Caveats(o, m),
		Tables:    tables,
		Figures:   figures,
		Problems:  Problems(o),
		Facts:     factsOf(m),
		Sysctls:   sorted(m.Machine.Sysctls),
		Exposures: sorted(m.Machine.Mitigations),
	}
	var others []string
	for i, s := range o.Servers {
		sample, err := swatch(i)
		if err != nil {
			return page{}, err
		}
		p.Legend = append(p.Legend, legend{Name: s.Name, Swatch: sample})
		p.Versions = append(p.Versions, fact{s.Name, m.Versions[s.Name]})
		if i > 0 {
			others = append(others, s.Name)
		}
	}
	p.Others = strings.Join(others, ", ")
	return p, nil
}

// factsOf is the machine and the way it was measured.
func factsOf(m matrix.Manifest) []fact {
	facts := []fact{
		{"CPU", m.Machine.CPU},
		{"CPUs", m.Machine.CPUs},
		{"Kernel", m.Machine.Kernel},
		{"System", m.Machine.System},
		{"io_uring", m.Ring},
		{"Memory", m.Machine.MemoryKiB},
		{"Virtual machine", yesNo(m.Machine.Hypervisor)},
		{"Governors", strings.Join(distinct(m.Machine.Governors), ", ")},
		{"Clock", m.Machine.Clock},
		{"Descriptors", fmt.Sprint(m.Machine.Descriptors)},
		{"Server's CPUs", cpuList(m.ServerCPUs)},
		{"Generator's CPUs", cpuList(m.GeneratorCPUs)},
		{"Each run", fmt.Sprintf("%v, after %v of warm-up", m.Timing.Duration, m.Timing.Warmup)},
		{"Seed", fmt.Sprint(m.Seed)},
		{"Measured by", m.Tool},
		{"Command", strings.Join(m.Command, " ")},
	}
	return slices.DeleteFunc(facts, func(f fact) bool { return f.Value == "" })
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func cpuList(cpus []int) string {
	if len(cpus) == 0 {
		return "any"
	}
	return strings.Trim(fmt.Sprint(cpus), "[]")
}

// distinct is the values of a map, each once.
func distinct(of map[string]string) []string {
	values := slices.Sorted(maps.Values(of))
	return slices.Compact(values)
}

func sorted(of map[string]string) []fact {
	var facts []fact
	for _, name := range slices.Sorted(maps.Keys(of)) {
		facts = append(facts, fact{name, of[name]})
	}
	return facts
}

// HasLegend says whether a server is in a figure.
func (f Figure) HasLegend(server int) bool { return slices.Contains(f.Servers, server) }

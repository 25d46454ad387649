package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringport/ringport/internal/matrix"
	"github.com/ringport/ringport/internal/stat"
)

// groupNames is how people call the groups.
var groupNames = map[string]string{"go": "best in Go", "c": "best in C"}

// Sentence says in words what a table says in numbers.
type Sentence struct {
	Load string // its title
	Text string
}

// Sentences are those of all tables.
func Sentences(o matrix.Outcome, tables []Table) []Sentence {
	var all []Sentence
	for _, t := range tables {
		all = append(all, Sentence{Load: title(t.Load), Text: sentence(o, t)})
	}
	return all
}

// sentence says what the first server did, and how it stands to the best of each group.
func sentence(o matrix.Outcome, t Table) string {
	first := o.Servers[0].Name
	if t.Rows[0].Server != first || t.Rows[0].Cells[0].Summary.N == 0 {
		return fmt.Sprintf("There are no valid figures of %s.", first)
	}
	all := []string{fmt.Sprintf("%s of %s: %s.", t.metrics[0].Title, first, t.Rows[0].Cells[0].Value())}
	for _, rival := range rivals(t) {
		all = append(all, rival.phrase())
	}
	if bound := generatorBound(t); len(bound) > 0 {
		all = append(all, fmt.Sprintf("The generator was at its limit with %s: compare the server CPU per echo.",
			strings.Join(bound, ", ")))
	}
	return strings.Join(all, " ")
}

// title is what a load is called.
func title(l matrix.Load) string {
	if l.Title == "" {
		return l.Name
	}
	return l.Title
}

// rival is the best of a group under a load.
type rival struct {
	group string
	row   Row
}

// rivals are the best of each group, without the first server, in the order of the rows.
func rivals(t Table) []rival {
	var groups []string
	for _, r := range t.Rows[1:] {
		if !slices.Contains(groups, r.Group) {
			groups = append(groups, r.Group)
		}
	}
	var found []rival
	for _, group := range groups {
		summaries := make([]stat.Summary, len(t.Rows))
		for i, r := range t.Rows {
			if i > 0 && r.Group == group {
				summaries[i] = r.Cells[0].Summary
			}
		}
		if best := t.metrics[0].best(summaries); best > 0 && t.Rows[best].Cells[0].First != nil {
			found = append(found, rival{group, t.Rows[best]})
		}
	}
	return found
}

// groupName is how people call a group.
func groupName(group string) string {
	switch name := groupNames[group]; {
	case group == "":
		return "best of the others"
	case name != "":
		return name
	}
	return "best of " + group
}

// phrase is how the first server stands to the rival.
func (r rival) phrase() string {
	cell := r.row.Cells[0]
	phrase := fmt.Sprintf("%s × %s (%s)", cell.Ratio(), r.row.Server, groupName(r.group))
	if interval := cell.RatioInterval(); interval != "" {
		phrase += " [" + interval + "]"
	}
	switch {
	case cell.Verdict() != Even:
		return fmt.Sprintf("%s: %s.", phrase, cell.Verdict())
	case cell.First.Ratio.Confidence < leastConfidence:
		return phrase + ": too few rounds to tell."
	}
	return phrase + ": no difference shown."
}

// generatorBound is the servers whose throughput is the generator's in most rounds.
func generatorBound(t Table) []string {
	var names []string
	for _, r := range t.Rows {
		if r.GeneratorBound*2 > r.Valid {
			names = append(names, r.Server)
		}
	}
	return names
}

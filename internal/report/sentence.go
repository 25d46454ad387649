package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringport/ringport/internal/matrix"
	"github.com/ringport/ringport/internal/stat"
)

// groupNames is how people call the groups.
var groupNames = map[string]string{"go": "the best in Go", "c": "the best in C"}

// Sentences say in words what the tables say in numbers, one for each load.
func Sentences(o matrix.Outcome, tables []Table) []string {
	var sentences []string
	for _, t := range tables {
		if s := sentence(o, t); s != "" {
			sentences = append(sentences, s)
		}
	}
	return sentences
}

// sentence says what the first server did, and how it stands to the best of each group.
func sentence(o matrix.Outcome, t Table) string {
	first := o.Servers[0].Name
	if t.Rows[0].Server != first || t.Rows[0].Cells[0].Summary.N == 0 {
		return fmt.Sprintf("%s: no valid figures of %s.", t.Load.Title, first)
	}
	var beside []string
	for _, rival := range rivals(t) {
		beside = append(beside, rival.phrase(t.metrics[0]))
	}
	s := fmt.Sprintf("%s: %s of %s is %s", title(t.Load), lowerFirst(t.metrics[0].Title), first,
		t.Rows[0].Cells[0].Value())
	if len(beside) > 0 {
		s += "; " + strings.Join(beside, "; ")
	}
	if bound := generatorBound(t); len(bound) > 0 {
		s += fmt.Sprintf("; the generator was at its limit with %s, so compare the server CPU per echo",
			strings.Join(bound, ", "))
	}
	return s + "."
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

// phrase is how the first server stands to the rival.
func (r rival) phrase(m Metric) string {
	cell := r.row.Cells[0]
	name := groupNames[r.group]
	if name == "" {
		name = "the best of " + r.group
	}
	who := fmt.Sprintf("%s (%s)", r.row.Server, name)
	factor := fmt.Sprintf("%s times that of %s", cell.Ratio(), who)
	if interval := cell.RatioInterval(); interval != "" {
		factor += " [" + interval + "]"
	}
	switch cell.Verdict() {
	case Better:
		return factor + ", which is better"
	case Worse:
		return factor + ", which is worse"
	}
	return factor + ", a difference that this comparison cannot tell from none"
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

// lowerFirst makes the beginning of a title fit inside a sentence.
func lowerFirst(s string) string {
	if strings.HasPrefix(s, "p") {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

package matrix

import "math/rand/v2"

// Step is one run: a server that meets a load.
type Step struct {
	// Round is counted from 1.
	Round  int    `json:"round"`
	Load   string `json:"load"`
	Server string `json:"server"`
}

// Plan is the order of the runs: in every round each load once, in random order, and under each load every server that
// serves it, in random order. The same seed gives the same order.
func Plan(seed uint64, rounds int, loads []Load, servers []Server) []Step {
	var steps []Step
	for round := 1; round <= rounds; round++ {
		random := rand.New(rand.NewPCG(seed, uint64(round)))
		for _, i := range random.Perm(len(loads)) {
			for _, j := range random.Perm(len(servers)) {
				if servers[j].Serves(loads[i]) {
					steps = append(steps, Step{Round: round, Load: loads[i].Name, Server: servers[j].Name})
				}
			}
		}
	}
	return steps
}

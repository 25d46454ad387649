package bufring

// Mapped reports whether the memory is still there. Nobody may release meanwhile.
func (g *Group) Mapped() bool { return g.block != nil && g.entries.mem != nil }

// Age gives a spare or posted buffer as many leases as its generation can count before it starts again.
func (g *Group) Age(id uint16) {
	const generations = 1 << (32 - stateBits)
	g.states[id].Store((generations-1)<<stateBits | g.states[id].Load()&(1<<stateBits-1))
}

// Tail is the count of entries ever published, as the kernel sees it.
func (g *Group) Tail() uint16 { return g.tail }

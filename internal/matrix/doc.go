// Package matrix measures several echo servers under several loads, so that they can be compared.
//
// Machines change while they are measured: other work, heat, the neighbours of a virtual machine. So nothing is
// measured for long, and everything often. In every round each server meets each load once, the loads in random order
// and under each load the servers in random order, one right after the other: what slows a round down slows all of them
// down, and ratios within a round survive it. Each run has a fresh server, in a process of its own on CPUs of its own,
// and a fresh generator on others.
//
// Loads with a rate of their own come after all closed loops, since the rate can be a part of what the best of the
// other servers was found to do.
package matrix

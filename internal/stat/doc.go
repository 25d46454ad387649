// Package stat sums up repeated measurements and compares them, assuming nothing about how they are distributed: a
// median with its confidence interval from order statistics, which leaves out as many values below as above, and the
// Mann-Whitney U test of golang.org/x/perf/benchmath, which benchstat uses.
package stat

// Package stat sums up repeated measurements and compares them, assuming nothing about how they are distributed: a
// median with its confidence interval from order statistics, and the Mann-Whitney U test. The arithmetic is
// golang.org/x/perf/benchmath, which benchstat uses; what is added is how few measurements, and pairs, are read.
package stat

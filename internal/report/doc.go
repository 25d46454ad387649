// Package report writes down what a comparison found, in one folder: report.html for people, results.json and
// manifest.json for programs, bench.txt for benchstat, and the histograms of every run as HDR logs.
//
// A number in it is a median of rounds with its interval, a ratio a median of the ratios within rounds. Runs that were
// void, and what could not be measured, are listed; they are in no figure.
package report

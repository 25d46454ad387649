//go:build race

package server_test

// raceDetector makes tests do less: everything takes ten times as long.
const raceDetector = true

//go:build !race

package ops_test

// raceRounds is how often each race is run.
const raceRounds = 100_000

// raceDetector tells whether the race detector is on.
const raceDetector = false

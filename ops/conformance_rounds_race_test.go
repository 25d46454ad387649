//go:build race

package ops_test

// raceRounds is how often each race is run: with the race detector less often, since it makes each round slow.
const raceRounds = 3000

// raceDetector tells that it is on: a sync.Pool forgets at random then, and everything takes longer.
const raceDetector = true

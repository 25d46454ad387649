package ops_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

const ms = time.Millisecond

// timerLog notes which timers ran, in their order.
type timerLog struct {
	port *ops.Port
	ran  chan string
}

func newTimerLog(p *ops.Port) *timerLog { return &timerLog{port: p, ran: make(chan string, 100)} }

func (l *timerLog) timer(name string) *ops.Timer {
	return l.port.NewTimer(func() { l.ran <- name })
}

func TestTimersRunInTheOrderOfTheirDeadlines(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	log := newTimerLog(p)
	onPort(t, p, func() {
		for _, d := range []time.Duration{20 * ms, 5 * ms, 15 * ms, 10 * ms} {
			log.timer(d.String()).Reset(d)
		}
	})
	for _, want := range []string{"5ms", "10ms", "15ms", "20ms"} {
		require.Equal(t, want, await(t, log.ran))
	}
	require.Zero(t, p.Stats().Timers)
}

func TestATimerRunsNotBeforeItsTime(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	log := newTimerLog(p)
	start := time.Now()
	log.timer("").Reset(30 * ms)
	await(t, log.ran)
	require.GreaterOrEqual(t, time.Since(start), 30*ms)
}

func TestATimerRunsOnceForEachReset(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	runs := make(chan int, 10)
	n := 0
	var again *ops.Timer
	again = p.NewTimer(func() {
		n++
		runs <- n
		if n < 3 {
			again.Reset(0)
		}
	})
	again.Reset(-time.Hour)
	for want := 1; want <= 3; want++ {
		require.Equal(t, want, await(t, runs))
	}
	log := newTimerLog(p)
	log.timer("later").Reset(5 * ms)
	await(t, log.ran)
	require.Empty(t, runs)
}

func TestATimerCanBePutOffAndBroughtForward(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	log := newTimerLog(p)
	onPort(t, p, func() {
		off, forward := log.timer("put off"), log.timer("brought forward")
		off.Reset(2 * ms)
		off.Reset(30 * ms)
		log.timer("between").Reset(15 * ms)
		forward.Reset(time.Hour)
		forward.Reset(5 * ms)
	})
	for _, want := range []string{"brought forward", "between", "put off"} {
		require.Equal(t, want, await(t, log.ran))
	}
}

func TestAStoppedTimerDoesNotRun(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	log := newTimerLog(p)
	onPort(t, p, func() {
		stopped, restarted := log.timer("stopped"), log.timer("restarted")
		stopped.Stop() // nothing to stop
		stopped.Reset(3 * ms)
		stopped.Stop()
		stopped.Stop()
		restarted.Reset(3 * ms)
		restarted.Stop()
		restarted.Reset(6 * ms)
		log.timer("last").Reset(10 * ms)
	})
	require.Equal(t, "restarted", await(t, log.ran))
	require.Equal(t, "last", await(t, log.ran))
	require.Zero(t, p.Stats().Timers)
}

func TestATimerStoppedByAnotherOfTheSameTurnDoesNotRun(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	log := newTimerLog(p)
	onPort(t, p, func() {
		victims := []*ops.Timer{log.timer("victim"), log.timer("victim")}
		killer := p.NewTimer(func() {
			for _, v := range victims {
				v.Stop()
			}
		})
		killer.Reset(3 * ms)
		for _, v := range victims {
			v.Reset(4 * ms)
		}
	})
	log.timer("last").Reset(10 * ms)
	require.Equal(t, "last", await(t, log.ran))
	require.Empty(t, log.ran)
}

func TestATimerWakesASleepingPort(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	log := newTimerLog(p)
	log.timer("far").Reset(time.Hour)
	asleep(t, p)
	log.timer("near").Reset(2 * ms)
	require.Equal(t, "near", await(t, log.ran))
	require.Equal(t, 1, p.Stats().Timers)
	log.timer("near").Stop()
	onPort(t, p, func() {}) // "far" is dropped by Close
}

func TestPuttingATimerOffDoesNotWakeThePort(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	timer := p.NewTimer(func() {})
	timer.Reset(time.Hour)
	asleep(t, p)
	turns := p.Stats().Turns
	for i := range 10000 {
		timer.Reset(time.Hour + time.Duration(i)*time.Second)
	}
	timer.Stop()
	require.Equal(t, turns, p.Stats().Turns)
}

func TestAnIdlePortDoesNotTurn(t *testing.T) {
	other, p := newPort(t, ops.PortConfig{}), newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	waiting := newJob().pend(t, s.ReceiveAsync)
	p.NewTimer(func() {}).Reset(time.Hour)
	asleep(t, p)
	before := p.Stats()
	clock := newTimerLog(other)
	clock.timer("").Reset(200 * ms) // another port's time passes
	await(t, clock.ran)
	require.Equal(t, before.Turns, p.Stats().Turns)
	require.Equal(t, before.Ring, p.Stats().Ring)
	require.NoError(t, c.Close())
	waiting.wait(t)
}

func TestManyTimersMovedAtRandomRunOnce(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	const timers = 500
	var ran [timers]int
	done := make(chan struct{})
	left := timers
	onPort(t, p, func() {
		for i := range timers {
			timer := p.NewTimer(func() {
				ran[i]++
				if left--; left == 0 {
					close(done)
				}
			})
			seed := uint32(i) * 2654435761
			for range 5 {
				seed = seed*1664525 + 1013904223
				timer.Reset(time.Duration(seed%40) * ms)
			}
		}
	})
	await(t, done)
	for i := range ran {
		require.Equal(t, 1, ran[i])
	}
	require.Zero(t, p.Stats().Timers)
}

func TestAClosedPortRunsNoTimer(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	log := newTimerLog(p)
	onPort(t, p, func() {
		log.timer("due").Reset(0)
		log.timer("soon").Reset(ms)
		_ = p.Close()
		log.timer("late").Reset(0)
	})
	await(t, p.Done())
	require.Empty(t, log.ran)
	require.Zero(t, p.Stats().Timers)
}

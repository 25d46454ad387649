package load

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// soundResult is a closed loop of 4 connections: 1000 echoes of 4 ms each in a second.
func soundResult() (Result, *generator) {
	g := newGenerator(Config{Conns: 4}.WithDefaults(), target{network: "tcp"})
	r := Result{Config: g.cfg, Seconds: 1, Rate: 1000, Latency: NewHistogram()}
	r.Window.Echoes, g.window.echoes = 1000, 1000
	for range 1000 {
		r.Latency.record(4 * time.Millisecond)
		g.window.area += 4 * time.Millisecond
	}
	return r, g
}

// soundOpenResult is an open loop of which all 1000 messages were sent and answered.
func soundOpenResult() (Result, *generator) {
	g := newGenerator(Config{Conns: 4, Rate: 1000}.WithDefaults(), target{network: "tcp"})
	r := Result{Config: g.cfg, Seconds: 1, Rate: 1000, Latency: NewHistogram()}
	r.Window.Echoes, g.window.echoes = 1000, 1000
	r.Schedule = &Schedule{Intended: 1000, Sent: 1000, Lag: NewHistogram()}
	for range 1000 {
		r.Latency.record(4 * time.Millisecond)
	}
	return r, g
}

// openEchoes is an open loop of which so many messages came back in the window, and the others after it.
func openEchoes(r *Result, g *generator, n uint64) {
	r.Window.Echoes, g.window.echoes, r.Rate = n, n, float64(n)
}

func TestASoundRunPassesEveryGate(t *testing.T) {
	for name, sound := range map[string]func() (Result, *generator){"closed": soundResult, "open": soundOpenResult} {
		t.Run(name, func(t *testing.T) {
			r, g := sound()
			r.judge(g)
			require.False(t, r.Void)
			for _, gate := range r.Gates {
				require.True(t, gate.OK, "%s: %s", gate.Name, gate.Detail)
				require.NotEmpty(t, gate.Detail)
			}
		})
	}
}

func TestAGateThatFailsVoidsTheRunOrMarksIt(t *testing.T) {
	tests := []struct {
		gate  string
		of    func() (Result, *generator)
		spoil func(*Result, *generator)
		voids bool
	}{
		{GatePayload, soundResult, func(r *Result, _ *generator) { r.Errors = map[Kind]uint64{WrongEcho: 1} }, true},
		{GateTotals, soundResult, func(r *Result, _ *generator) { r.Window.Echoes++ }, true},
		{GateTotals, soundResult, func(_ *Result, g *generator) { g.window.echoes-- }, true},
		{GateTotals, soundResult, func(r *Result, _ *generator) { r.Latency.record(1) }, true},
		{GateTotals, soundResult, func(r *Result, _ *generator) { r.Seconds = 1.3 }, true},
		{GateLittle, soundResult, func(_ *Result, g *generator) { g.window.area = 3590 * time.Millisecond }, true},
		{GateLittle, soundResult, func(_ *Result, g *generator) { g.window.area = 4410 * time.Millisecond }, true},
		{GateEchoes, soundResult, func(r *Result, _ *generator) { r.Window.Echoes = 0 }, true},
		{GateGenerator, soundResult, func(r *Result, _ *generator) { r.Generator.Load = 0.91 }, false},
		{GateSchedule, soundOpenResult, func(r *Result, _ *generator) { r.Schedule.Late = 11 }, true},
		{GateOffered, soundOpenResult, func(r *Result, _ *generator) { r.Schedule.Sent = 989 }, true},
		{GateAchieved, soundOpenResult, func(r *Result, _ *generator) { r.Schedule.Intended = 1011 }, true},
		{GateKeptUp, soundOpenResult, func(r *Result, g *generator) { openEchoes(r, g, 989) }, false},
		{GateLoss, soundOpenResult, func(r *Result, g *generator) { g.target.network, r.Total.Lost = "udp", 1 }, false},
	}
	for _, test := range tests {
		t.Run(test.gate, func(t *testing.T) {
			r, g := test.of()
			test.spoil(&r, g)
			r.judge(g)
			gate, found := r.Gate(test.gate)
			require.True(t, found)
			require.False(t, gate.OK)
			require.Equal(t, test.voids, gate.Voids)
			require.Equal(t, test.voids, r.Void)
		})
	}
}

func TestSmallDifferencesPass(t *testing.T) {
	r, g := soundResult()
	g.window.area = 3610 * time.Millisecond
	r.Generator.Load = 0.9
	r.judge(g)
	require.False(t, r.Void)

	r, g = soundOpenResult()
	r.Schedule.Late, r.Schedule.Sent = 10, 990
	r.judge(g)
	require.False(t, r.Void)
}

func TestAnswersThatAreOnTheirWayAtTheEndAreNoSignOfASlowServer(t *testing.T) {
	r, g := soundOpenResult()
	openEchoes(&r, g, 990) // 1 %
	r.judge(g)
	requireKeptUp(t, r, true)

	r, g = soundOpenResult()
	openEchoes(&r, g, 90)
	r.Schedule.Intended, r.Schedule.Sent = 95, 95 // 5 ms of the rate
	r.judge(g)
	requireKeptUp(t, r, true)
	r.Schedule.Intended, r.Schedule.Sent = 96, 96
	r.judge(g)
	requireKeptUp(t, r, false)

	r, g = soundOpenResult()
	openEchoes(&r, g, 900)
	g.window.lost = 95 // the gate of losses has them
	r.judge(g)
	requireKeptUp(t, r, true)
}

func requireKeptUp(t *testing.T, r Result, want bool) {
	t.Helper()
	gate, found := r.Gate(GateKeptUp)
	require.True(t, found)
	require.Equal(t, want, gate.OK, gate.Detail)
}

func TestSilentConnectionsNeedNoEcho(t *testing.T) {
	g := newGenerator(Config{Pattern: Idle, Idle: 4}.WithDefaults(), target{network: "tcp"})
	r := Result{Config: g.cfg, Seconds: 1, Latency: NewHistogram()}
	r.judge(g)
	require.False(t, r.Void)
}

func TestARunThatMeasuredNothingIsVoid(t *testing.T) {
	r, g := soundResult()
	r.Seconds = 0
	r.judge(g)
	require.True(t, r.Void)
}

package load

import (
	"fmt"
	"math"
	"time"
)

// How far figures may be from what they should be.
const (
	littleTolerance   = 0.10
	scheduleTolerance = 0.01
	maxGeneratorLoad  = 0.90
	latencyTolerance  = 5 * time.Millisecond // of answers that are on their way at the end of a window
)

// gates is what is checked about a run.
func (r *Result) gates(g *generator) (gates []Gate) {
	gates = append(gates, r.payloadGate(), r.totalsGate(g))
	if r.Config.Conns > 0 {
		gates = append(gates, r.echoesGate())
	}
	if r.Schedule != nil {
		gates = append(gates, r.scheduleGate(), r.offeredGate(), r.achievedGate(g), r.keptUpGate(g))
	} else if cfg := r.Config; cfg.Pattern != Slow && cfg.Conns > 0 { // a slow reader's messages wait in sockets
		gates = append(gates, littleGate(float64(cfg.Conns*cfg.Depth), g.window.area.Seconds(), r.Seconds))
	}
	if g.target.network == "udp" {
		gates = append(gates, r.lossGate())
	}
	return append(gates, generatorGate(r.Generator.Load))
}

// payloadGate holds that nothing wrong came back.
func (r *Result) payloadGate() Gate {
	wrong := float64(r.Errors[WrongEcho])
	return Gate{Name: GatePayload, Voids: true, OK: wrong == 0, Value: wrong,
		Detail: fmt.Sprintf("%d bytes that came back were compared with what was sent, %.0f failures",
			r.Total.BytesReceived, wrong)}
}

// totalsGate holds that what was counted in different places is the same, and that rate x time is it, too.
func (r *Result) totalsGate(g *generator) Gate {
	echoes := float64(r.Window.Echoes)
	timed, clients := float64(r.Latency.Count()), float64(g.window.echoes)
	if r.Schedule != nil {
		timed = echoes // latencies are of what should have been sent in the window: see achievedGate
	}
	product := math.Round(r.Rate * r.Seconds)
	off := max(math.Abs(timed-echoes), math.Abs(clients-echoes), math.Abs(product-echoes))
	return Gate{Name: GateTotals, Voids: true, OK: off == 0, Value: product, Want: echoes,
		Detail: fmt.Sprintf("%.0f echoes; %.0f by connection, %.0f latencies, %.1f/s x %.3f s = %.0f",
			echoes, clients, timed, r.Rate, r.Seconds, product)}
}

// echoesGate holds that there is something to measure.
func (r *Result) echoesGate() Gate {
	return Gate{Name: GateEchoes, Voids: true, OK: r.Window.Echoes > 0, Value: float64(r.Window.Echoes), Limit: 1,
		Detail: fmt.Sprintf("%d messages came back while it was measured; a rate or a latency needs one at least",
			r.Window.Echoes)}
}

// littleGate holds Little's law: as many messages were on their way on average as the closed loop keeps there. area is
// the time that they were so in the window, summed up: rate x mean latency x time, with what the ends of the window cut
// off.
func littleGate(want, area, seconds float64) Gate {
	onWay := perSecond(area, seconds)
	return Gate{Name: GateLittle, Voids: true, OK: math.Abs(onWay-want) <= littleTolerance*want,
		Value: onWay, Want: want, Limit: littleTolerance * want,
		Detail: fmt.Sprintf("rate x mean latency = %.2f messages on their way; conns x depth = %.0f", onWay, want)}
}

// scheduleGate holds that the generator kept up with its schedule.
func (r *Result) scheduleGate() Gate {
	s := r.Schedule
	share := perSecond(float64(s.Late), float64(s.Intended))
	return Gate{Name: GateSchedule, Voids: true, OK: share <= scheduleTolerance, Value: share, Limit: scheduleTolerance,
		Detail: fmt.Sprintf("%d of %d messages were sent more than %v late (%.2f %%), lag p99 %v, max %v",
			s.Late, s.Intended, tooLate, 100*share, s.Lag.Percentile(99), s.Lag.Max())}
}

// offeredGate holds that the server was offered what it should have been.
func (r *Result) offeredGate() Gate {
	return near(GateOffered, float64(r.Schedule.Sent), float64(r.Schedule.Intended), "sent in the window")
}

// achievedGate holds that the server echoed what it was offered, however late. What is lost counts as an answer here:
// the gate of losses has it.
func (r *Result) achievedGate(g *generator) Gate {
	return near(GateAchieved, float64(r.Latency.Count()+g.window.lost), float64(r.Schedule.Intended), "answered")
}

// keptUpGate marks runs in which answers came more slowly than messages were sent: no latency of theirs is that of the
// load, since a longer run has a longer queue. At a latency of a few milliseconds so much is on its way at any rate.
func (r *Result) keptUpGate(g *generator) Gate {
	intended, came := float64(r.Schedule.Intended), float64(r.Window.Echoes+g.window.lost)
	limit := max(scheduleTolerance*intended, latencyTolerance.Seconds()*r.Config.Rate, 1)
	return Gate{Name: GateKeptUp, OK: came >= intended-limit, Value: came, Want: intended, Limit: limit,
		Detail: fmt.Sprintf("%.0f of the %.0f messages of the schedule were answered by its end; when more than %.0f "+
			"are not, the server did not keep up: latency grows with the length of the run", came, intended, limit)}
}

func near(name string, value, want float64, what string) Gate {
	return Gate{Name: name, Voids: true, OK: math.Abs(value-want) <= scheduleTolerance*want,
		Value: value, Want: want, Limit: scheduleTolerance * want,
		Detail: fmt.Sprintf("%.0f of the %.0f messages of the schedule were %s", value, want, what)}
}

// lossGate marks runs that lost datagrams, whenever that showed: those of a short window are given up after it.
func (r *Result) lossGate() Gate {
	return Gate{Name: GateLoss, OK: r.Total.Lost == 0, Value: float64(r.Total.Lost),
		Detail: fmt.Sprintf("%d of all %d datagrams did not come back within %v, %d came too late or twice",
			r.Total.Lost, r.Total.Sent, r.Config.Timeout, r.Total.Strays)}
}

// generatorGate marks runs in which the generator may have been the limit.
func generatorGate(load float64) Gate {
	return Gate{Name: GateGenerator, OK: load <= maxGeneratorLoad, Value: load, Limit: maxGeneratorLoad,
		Detail: fmt.Sprintf("the generator's thread used %.0f %% of a CPU; above %.0f %% read the server's CPU per echo "+
			"instead of rates", 100*load, 100*maxGeneratorLoad)}
}

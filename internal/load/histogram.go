package load

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// What a histogram holds: nanoseconds, from one to an hour, each within a thousandth of what it was.
const (
	lowestValue  = 1
	highestValue = int64(time.Hour)
	digits       = 3
)

// Histogram counts durations. In JSON it has its percentiles, for people and scripts, and all of it in the text form of
// HdrHistogram V2, from which it is read back: two of them can be merged, where percentiles cannot be averaged. The
// zero value is empty, and only to be read.
type Histogram struct {
	hdr *hdrhistogram.Histogram
}

// NewHistogram makes an empty histogram.
func NewHistogram() Histogram {
	return Histogram{hdr: hdrhistogram.New(lowestValue, highestValue, digits)}
}

// record counts a duration. What is beyond the range counts as its end.
func (h Histogram) record(d time.Duration) {
	_ = h.hdr.RecordValue(min(max(int64(d), 0), highestValue)) // only values out of range are errors
}

// Merge adds what is in other, without loss.
func (h *Histogram) Merge(other Histogram) {
	if other.hdr == nil {
		return
	}
	if h.hdr == nil {
		*h = NewHistogram()
	}
	h.hdr.Merge(other.hdr)
}

// HDR is the histogram itself, nil when it is empty and was never written to. It is shared, not copied.
func (h Histogram) HDR() *hdrhistogram.Histogram { return h.hdr }

// Count is how many durations it holds.
func (h Histogram) Count() uint64 {
	if h.hdr == nil {
		return 0
	}
	return uint64(h.hdr.TotalCount())
}

// Percentile is the duration that so many percent, 0..100, do not exceed; 0 of an empty histogram.
func (h Histogram) Percentile(percent float64) time.Duration {
	if h.hdr == nil {
		return 0
	}
	return time.Duration(h.hdr.ValueAtPercentile(percent))
}

// Mean is the mean; 0 of an empty histogram.
func (h Histogram) Mean() time.Duration {
	if h.hdr == nil {
		return 0
	}
	return time.Duration(h.hdr.Mean())
}

// Min is the shortest duration; 0 of an empty histogram.
func (h Histogram) Min() time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.hdr.Min())
}

// Max is the longest duration; 0 of an empty histogram.
func (h Histogram) Max() time.Duration {
	if h.hdr == nil {
		return 0
	}
	return time.Duration(h.hdr.Max())
}

// histogramJSON is a histogram as it is written down. All times are in nanoseconds.
type histogramJSON struct {
	Count uint64        `json:"count"`
	Min   time.Duration `json:"min_ns"`
	Mean  time.Duration `json:"mean_ns"`
	P50   time.Duration `json:"p50_ns"`
	P90   time.Duration `json:"p90_ns"`
	P99   time.Duration `json:"p99_ns"`
	P999  time.Duration `json:"p99_9_ns"`
	P9999 time.Duration `json:"p99_99_ns"`
	Max   time.Duration `json:"max_ns"`
	HDR   string        `json:"hdr,omitempty"`
}

// MarshalJSON writes the percentiles and the histogram.
func (h Histogram) MarshalJSON() ([]byte, error) {
	if h.Count() == 0 {
		return []byte(`{"count":0}`), nil
	}
	encoded, err := h.hdr.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return nil, fmt.Errorf("load: encode a histogram: %w", err)
	}
	return json.Marshal(histogramJSON{
		Count: h.Count(),
		Min:   h.Min(),
		Mean:  h.Mean(),
		P50:   h.Percentile(50),
		P90:   h.Percentile(90),
		P99:   h.Percentile(99),
		P999:  h.Percentile(99.9),
		P9999: h.Percentile(99.99),
		Max:   h.Max(),
		HDR:   string(encoded),
	})
}

// UnmarshalJSON reads the histogram back. The percentiles follow from it.
func (h *Histogram) UnmarshalJSON(text []byte) error {
	var written histogramJSON
	if err := json.Unmarshal(text, &written); err != nil {
		return fmt.Errorf("load: read a histogram: %w", err)
	}
	*h = Histogram{}
	if written.HDR == "" {
		if written.Count != 0 {
			return fmt.Errorf("load: read a histogram: %d values, but no hdr that holds them", written.Count)
		}
		return nil
	}
	hdr, err := hdrhistogram.Decode([]byte(written.HDR))
	if err != nil {
		return fmt.Errorf("load: read a histogram: %w", err)
	}
	h.hdr = hdr
	return nil
}

package child_test

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/child"
	"github.com/ringport/ringport/internal/load"
)

func TestAChildTellsWhatItPrintedAndHowItEnded(t *testing.T) {
	var output bytes.Buffer
	c, err := child.Start([]string{"sh", "-c", "echo one; echo two >&2; exit 3"}, nil, &output)
	require.NoError(t, err)
	require.EqualError(t, c.Err(), "exit status 3")
	require.Equal(t, "one\ntwo\n", output.String())
	c, err = child.Start([]string{"true"}, nil, &output)
	require.NoError(t, err)
	require.NoError(t, c.Err())
}

func TestAProgramThatIsNotThereIsNotStarted(t *testing.T) {
	_, err := child.Start([]string{"/no/such/program"}, nil, nil)
	require.ErrorContains(t, err, "no such file")
}

func TestNothingOfAStoppedChildIsLeft(t *testing.T) {
	for name, script := range map[string]string{
		"that ends when it is asked to": "sleep 1000",
		"with children of its own":      "sleep 1000 & wait",
		"that has ended":                "true",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := child.Start([]string{"sh", "-c", script}, nil, nil)
			require.NoError(t, err)
			c.Stop()
			require.ErrorIs(t, syscall.Kill(c.PID(), 0), syscall.ESRCH)
			c.Stop() // and again does no harm
		})
	}
}

func TestAChildRunsOnItsCPUs(t *testing.T) {
	allowed := load.CPUs()
	require.NotEmpty(t, allowed)
	last := allowed[len(allowed)-1]
	var output bytes.Buffer
	c, err := child.Start([]string{"grep", "Cpus_allowed_list:", "/proc/self/status"}, []int{last}, &output)
	require.NoError(t, err)
	require.NoError(t, c.Err())
	require.Equal(t, fmt.Sprintf("Cpus_allowed_list:\t%d\n", last), output.String())
	require.Equal(t, allowed, load.CPUs(), "who starts it may run where it could before")
}

func TestACPUThatIsNotThereIsAnError(t *testing.T) {
	_, err := child.Start([]string{"true"}, []int{1023}, nil)
	require.ErrorContains(t, err, "CPUs [1023]")
}

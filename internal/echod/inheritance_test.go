package echod

import (
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/server"
)

// openFile is a file of the test's.
func openFile(t *testing.T) *os.File {
	t.Helper()
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// socketFor is an inherited socket for a flag; "" is the service manager's.
func socketFor(t *testing.T, name, flag string) heirloom {
	t.Helper()
	return heirloom{Inherited: server.Inherited{Name: name, File: openFile(t)}, flag: flag}
}

func TestAWillTellsASuccessorWhatItGets(t *testing.T) {
	i := inheritance{
		sockets: []heirloom{socketFor(t, "tcp://127.0.0.1:9", "tcp://localhost:9"), socketFor(t, "web", "")},
		admin:   heirloom{Inherited: server.Inherited{File: openFile(t)}, flag: "127.0.0.1:9107"},
		ready:   openFile(t),
	}
	i.sockets[0].Owned = true
	command := &exec.Cmd{}
	variable, err := i.bequeath(command)
	require.NoError(t, err)
	require.JSONEq(t, `{"sockets":[
		{"descriptor":3,"name":"tcp://127.0.0.1:9","flag":"tcp://localhost:9","owned":true},
		{"descriptor":4,"name":"web"}],
		"admin":{"descriptor":5,"flag":"127.0.0.1:9107"},"ready":6}`, variable)
	require.Equal(t, []*os.File{i.sockets[0].File, i.sockets[1].File, i.admin.File, i.ready}, command.ExtraFiles)
}

func TestASuccessorTakesWhatTheWillSays(t *testing.T) {
	var number [3]int
	for n := range number {
		fd, err := unix.FcntlInt(openFile(t).Fd(), unix.F_DUPFD, 3)
		require.NoError(t, err)
		number[n] = fd
	}
	i, err := succeeded(`{"sockets":[{"descriptor":` + strconv.Itoa(number[0]) + `,"name":"tcp://127.0.0.1:9",` +
		`"flag":"tcp://:9","owned":true}],"admin":{"descriptor":` + strconv.Itoa(number[1]) + `,"flag":":1"},` +
		`"ready":` + strconv.Itoa(number[2]) + `}`)
	require.NoError(t, err)
	defer i.release()
	defer i.ready.Close()
	require.Len(t, i.sockets, 1)
	require.Equal(t, "tcp://127.0.0.1:9", i.sockets[0].Name)
	require.Equal(t, "tcp://:9", i.sockets[0].flag)
	require.True(t, i.sockets[0].Owned)
	require.EqualValues(t, number[0], i.sockets[0].File.Fd())
	require.Equal(t, ":1", i.admin.flag)
	for _, fd := range number {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		require.NoError(t, err)
		require.Equal(t, unix.FD_CLOEXEC, flags, "no child gets it by accident")
	}
}

func TestAWillThatIsWrongIsRefused(t *testing.T) {
	for name, variable := range map[string]string{
		"no JSON":               "3:4:5",
		"a standard descriptor": `{"sockets":[{"descriptor":1}],"ready":3}`,
		"a closed descriptor":   `{"sockets":[{"descriptor":1000000}],"ready":3}`,
		"no pipe":               `{"sockets":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := succeeded(variable)
			require.ErrorContains(t, err, successionVariable)
		})
	}
	i, err := succeeded("")
	require.NoError(t, err)
	require.Empty(t, i.sockets)
	require.Nil(t, i.ready)
}

func TestTheServerListensOnlyWhereThereIsNoSocket(t *testing.T) {
	const byDefault = server.DefaultListen
	tests := []struct {
		name              string
		listen            []string // --listen
		sockets           []string // flags of those inherited
		inherited, listed []string // what the server is told
	}{
		{"nothing", nil, nil, nil, []string{byDefault}},
		{"flags", []string{"tcp://:1", "tcp://:2"}, nil, nil, []string{"tcp://:1", "tcp://:2"}},
		{"the service manager's", nil, []string{""}, []string{""}, nil},
		{"the service manager's and a flag", []string{"tcp://:1"}, []string{""}, []string{""}, []string{"tcp://:1"}},
		{"a predecessor's", []string{"tcp://:1"}, []string{"tcp://:1", "tcp://:1"}, []string{"tcp://:1", "tcp://:1"}, nil},
		{"a predecessor's default", nil, []string{byDefault}, []string{byDefault}, nil},
		{"a new flag", []string{"tcp://:1", "tcp://:2"}, []string{"tcp://:1"}, []string{"tcp://:1"}, []string{"tcp://:2"}},
		{"a flag is gone", []string{"tcp://:2"}, []string{"tcp://:1", "tcp://:2"}, []string{"tcp://:2"}, nil},
		{"a service manager's from a predecessor", []string{"tcp://:1"}, []string{"tcp://:1", ""},
			[]string{"tcp://:1", ""}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var i inheritance
			for _, flag := range test.sockets {
				i.sockets = append(i.sockets, socketFor(t, "name of "+flag, flag))
			}
			cfg := server.Config{Listen: test.listen}
			serveOptions{}.divide(&cfg, &i)
			require.ElementsMatch(t, test.listed, cfg.Listen)
			var inherited []string
			for _, in := range cfg.Inherited {
				inherited = append(inherited, in.Name[len("name of "):])
			}
			require.Equal(t, test.inherited, inherited)
		})
	}
}

func TestTheSocketOfAFlagThatIsGoneIsClosed(t *testing.T) {
	gone := socketFor(t, "tcp://127.0.0.1:1", "tcp://:1")
	i := inheritance{sockets: []heirloom{gone, socketFor(t, "web", "")}}
	require.Equal(t, []string{"tcp://:2"}, i.split([]string{"tcp://:2"}))
	require.ErrorIs(t, gone.File.Close(), os.ErrClosed)
	require.Len(t, i.sockets, 1)
}

func TestAnAdminListenerForAnotherAddressIsClosed(t *testing.T) {
	file := openFile(t)
	i := inheritance{admin: heirloom{Inherited: server.Inherited{File: file}, flag: "127.0.0.1:1"}}
	require.Nil(t, i.takeAdmin("127.0.0.1:2"))
	require.ErrorIs(t, file.Close(), os.ErrClosed)
	require.Nil(t, i.takeAdmin("127.0.0.1:1"), "it is gone")
}

func TestASuccessorGetsNothingThatIsMeantForThisProcess(t *testing.T) {
	require.Equal(t, []string{"PATH=/bin", "NOTIFY_SOCKET=/run/notify", "WATCHDOG_USEC=5", "ECHOD_SHARDS=2"},
		environmentOfSuccessor([]string{
			"PATH=/bin", "LISTEN_PID=7", "LISTEN_FDS=1", "LISTEN_FDNAMES=a", "NOTIFY_SOCKET=/run/notify",
			"WATCHDOG_PID=7", "WATCHDOG_USEC=5", successionVariable + "={}", "ECHOD_SHARDS=2",
		}))
}

func TestTheSocketsOfOneAddressCountAsOne(t *testing.T) {
	socket := func(name, flag string) heirloom {
		return heirloom{Inherited: server.Inherited{Name: name}, flag: flag}
	}
	i := inheritance{sockets: []heirloom{
		socket("tcp://127.0.0.1:4711", "tcp://127.0.0.1:0"), socket("tcp://127.0.0.1:4711", "tcp://127.0.0.1:0"),
		socket("tcp://127.0.0.1:4712", "tcp://127.0.0.1:0"), socket("echo", ""), socket("echo", ""),
	}}
	require.Equal(t, 4, i.addresses(), "two that a shard each made, and two of the service manager's")
}

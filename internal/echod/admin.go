package echod

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of the admin pages. Whoever reads them is a program of the operator's, but not every program is a good one.
const (
	adminConns         = 64               // at a time, fewer where descriptors are few; more wait in the backlog
	adminHeaderTimeout = 5 * time.Second  // for the head of a request
	adminReadTimeout   = 10 * time.Second // for all of it
	adminWriteTimeout  = 30 * time.Second // for the answer; a profile takes what it was asked for on top
	adminIdleTimeout   = 2 * time.Minute  // between two requests: scrapers come once a minute
	adminHeaderBytes   = 16 << 10
)

// adminMode is who may talk to an admin socket: its owner and its group.
const adminMode = 0o660

// adminServer serves the pages for the operator on a listener of its own.
type adminServer struct {
	listener net.Listener
	server   *http.Server
	served   chan struct{} // closed when it accepts no more; nil before it serves
}

// openAdmin listens on an address as --admin takes it. With an inherited listener, that one is used and closed.
func openAdmin(address string, inherited *os.File) (*adminServer, error) {
	listener, err := listenAdmin(address, inherited)
	if err != nil {
		return nil, fmt.Errorf("echod: listen on --admin %s: %w%s", address, err, adminRemedy(address, err))
	}
	return &adminServer{listener: listener}, nil
}

func listenAdmin(address string, inherited *os.File) (net.Listener, error) {
	path, isPath := strings.CutPrefix(address, "unix://")
	switch {
	case inherited != nil:
		defer inherited.Close()
		listener, err := net.FileListener(inherited)
		if u, ok := listener.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(!strings.HasPrefix(path, "@"))
		}
		return listener, err
	case isPath && strings.HasPrefix(path, "@"):
		return net.Listen("unix", path)
	case isPath:
		return listenAdminPath(path)
	}
	return net.Listen("tcp", address)
}

// adminRemedy says what to do about an --admin that cannot be listened on.
func adminRemedy(address string, err error) string {
	path, isPath := strings.CutPrefix(address, "unix://")
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && isPath && isForeign(path):
		return "; the file there is no socket, and is left alone; move it away, or take another path"
	case errors.Is(err, syscall.EADDRINUSE) && isPath:
		return "; another process listens there: stop it, or take another path; ss -lxp shows which process it is"
	case errors.Is(err, syscall.EADDRINUSE):
		return "; another process listens there: stop it, or take another port; ss -ltnp shows which process it is"
	case errors.Is(err, syscall.ENOENT) && isPath:
		return "; make the directory first"
	case errors.Is(err, syscall.EACCES) && isPath:
		return "; the directory must be one that the process may write to"
	case errors.Is(err, syscall.EACCES):
		return "; ports below 1024 need CAP_NET_BIND_SERVICE: take a higher one"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "; no interface of this machine has the address"
	}
	return ""
}

// listenAdminPath listens on a path. A socket that a killed process left there is replaced; one that answers is not.
func listenAdminPath(path string) (net.Listener, error) {
	listener, err := bindAdminPath(path)
	if errors.Is(err, syscall.EADDRINUSE) && isLeftOver(path) {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove the socket that nobody serves: %w", err)
		}
		listener, err = bindAdminPath(path)
	}
	if err != nil {
		return nil, err
	}
	// The mask of the process may have taken more than others' rights.
	if err := os.Chmod(path, adminMode); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// bindAdminPath makes the socket's path. It never is more open than it shall be: the mode is set before there is a
// path.
func bindAdminPath(path string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		control := c.Control(func(fd uintptr) { err = os.NewSyscallError("fchmod", unix.Fchmod(int(fd), adminMode)) })
		return errors.Join(control, err)
	}}
	return config.Listen(context.Background(), "unix", path)
}

// isForeign is whether there is a file at the path that is no socket.
func isForeign(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().Type() != fs.ModeSocket
}

// isLeftOver is whether the path is a socket that nobody listens on.
func isLeftOver(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return false
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// address is where the pages are, as people type it.
func (a *adminServer) address() string {
	if a.listener.Addr().Network() == "unix" {
		return "unix://" + a.listener.Addr().String()
	}
	return "http://" + a.listener.Addr().String()
}

// private is whether only this machine reaches the pages.
func (a *adminServer) private() bool {
	tcp, ok := a.listener.Addr().(*net.TCPAddr)
	if !ok {
		return true
	}
	ip, _ := netip.AddrFromSlice(tcp.IP)
	return ip.Unmap().IsLoopback()
}

// file is a duplicate of the listener's descriptor, for the next process.
func (a *adminServer) file() (*os.File, error) {
	listener, ok := a.listener.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, fmt.Errorf("echod: the admin listener is a %T, which has no descriptor", a.listener)
	}
	return listener.File()
}

// serve answers with the pages, on so many connections at a time, until close or leave.
func (a *adminServer) serve(pages http.Handler, conns int, log *slog.Logger) {
	a.server = &http.Server{
		Handler:           pages,
		ReadHeaderTimeout: adminHeaderTimeout,
		ReadTimeout:       adminReadTimeout,
		WriteTimeout:      adminWriteTimeout,
		IdleTimeout:       adminIdleTimeout,
		MaxHeaderBytes:    adminHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	a.served = make(chan struct{})
	go func() {
		defer close(a.served)
		err := a.server.Serve(newLimitedListener(a.listener, conns))
		if !errors.Is(err, http.ErrServerClosed) {
			log.Error("the admin pages are served no more", "error", err)
		}
	}()
}

// close ends the pages at once. A socket's path is removed.
func (a *adminServer) close() {
	if a.served == nil {
		_ = a.listener.Close()
		return
	}
	_ = a.server.Close()
	<-a.served
}

// leave ends the pages here, while another process that has the listener goes on: what was asked is answered, and a
// socket's path stays.
func (a *adminServer) leave(ctx context.Context) {
	if u, ok := a.listener.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	_ = a.server.Shutdown(ctx)
	_ = a.server.Close()
	<-a.served
}

// limitedListener accepts so many connections at a time.
type limitedListener struct {
	net.Listener
	places chan struct{} // one for each connection
	closed chan struct{}
	once   sync.Once
}

func newLimitedListener(l net.Listener, conns int) *limitedListener {
	return &limitedListener{Listener: l, places: make(chan struct{}, conns), closed: make(chan struct{})}
}

// Accept waits for a place, then for a connection.
func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &limitedConn{Conn: conn, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

// Close ends every Accept.
func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// limitedConn has a place of its listener until it is closed.
type limitedConn struct {
	net.Conn
	leave func()
}

// Close gives the place to another one.
func (c *limitedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

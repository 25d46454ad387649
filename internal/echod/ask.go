package echod

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ringport/ringport/ops"
)

// check finds out whether somebody works, until ctx ends.
type check func(ctx context.Context) error

// checkOf is the check of an address: of a listener that has the handler, or of the admin's.
func checkOf(address string, handler service) (check, error) {
	if path, ok := strings.CutPrefix(address, "http+unix://"); ok {
		if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "@") {
			return nil, fmt.Errorf("%q has no absolute path; write for example http+unix:///run/echod/admin.sock", address)
		}
		return getCheck("http://localhost/readyz", "unix", path), nil
	}
	if strings.HasPrefix(address, "http://") {
		return httpCheck(address)
	}
	network, ep, err := ops.ParseEndpoint(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the address: %w; or an admin address, such as http://127.0.0.1:9107", err)
	case network == "udp" && handler == discardService:
		return nil, fmt.Errorf("%s cannot be checked: nobody answers what is discarded; check a tcp:// or the admin "+
			"address instead", address)
	case handler == discardService:
		return discardCheck(network, ep.String()), nil
	}
	return echoCheck(network, ep.String()), nil
}

func httpCheck(address string) (check, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is no URL; write for example http://127.0.0.1:9107/readyz", address)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/readyz"
	}
	return getCheck(u.String(), "tcp", ""), nil
}

// echoCheck sends a few bytes that nobody can guess, and wants them back.
func echoCheck(network, address string) check {
	return func(ctx context.Context) error {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return unanswered(err)
		}
		defer conn.Close()
		sent := []byte("echod healthcheck " + rand.Text() + "\n")
		if _, err := conn.Write(sent); err != nil {
			return unanswered(err)
		}
		reply, err := receive(conn, network, len(sent))
		if len(reply) > 0 && !bytes.HasPrefix(sent, reply) || err == nil && len(reply) != len(sent) {
			return errors.New("what came back is not what was sent; this is no echo service")
		}
		return unanswered(err)
	}
}

// receive reads an answer of n bytes from a stream; or one datagram, which may have fewer or one more.
func receive(conn net.Conn, network string, n int) (reply []byte, err error) {
	reply = make([]byte, n)
	if network == "udp" {
		reply = append(reply, 0)
		n, err = conn.Read(reply)
	} else {
		n, err = io.ReadFull(conn, reply)
	}
	return reply[:n], err
}

// discardCheck sends a few bytes and the end of the stream, and wants nothing back but the end.
func discardCheck(network, address string) check {
	return func(ctx context.Context) error {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return unanswered(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "echod healthcheck\n"); err != nil {
			return unanswered(err)
		}
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			return err
		}
		n, err := conn.Read(make([]byte, 1))
		switch {
		case n > 0:
			return errors.New("something came back; this is no discard service")
		case errors.Is(err, io.EOF):
			return nil
		}
		return unanswered(err)
	}
}

// dial connects until ctx ends, and gives the connection the same end.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	// Reads and writes know deadlines only. When ctx ends, for whatever reason, that of the connection is over.
	context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return conn, nil
}

// unanswered says what it means that nothing came in time, or not all of it.
func unanswered(err error) error {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("no answer in time: %w", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("it ended the connection without an answer: %w", err)
	}
	return err
}

// maxReason is how much is shown of what an admin address says.
const maxReason = 200

// getCheck gets a URL, and wants status 200. It connects to the address, or where there is none to the URL's host.
func getCheck(target, network, address string) check {
	return func(ctx context.Context) error {
		var dialer net.Dialer
		transport := &http.Transport{ // no proxy: it would be asked instead
			DialContext: func(ctx context.Context, _, host string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, cmp.Or(address, host))
			},
			DisableKeepAlives: true,
		}
		client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return unanswered(err)
		}
		defer response.Body.Close()
		reason, err := io.ReadAll(io.LimitReader(response.Body, maxReason))
		if response.StatusCode == http.StatusOK {
			return nil
		}
		return errors.Join(fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(reason))), err)
	}
}

package server_test

import (
	"context"
	"fmt"
	"log"
	"os/signal"
	"syscall"
	"time"

	"github.com/ringport/ringport/server"
)

// A server that sends back what it receives, until it is told to stop.
func Example() {
	s, err := server.New(server.Config{Listen: []string{"tcp://:7007"}}, server.Echo{})
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		stop, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		<-stop.Done()
		drain, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(drain); err != nil {
			log.Print(err)
		}
	}()
	fmt.Println("listening on", s.Addrs())
	if err := s.Serve(context.Background()); err != nil {
		log.Fatal(err)
	}
}

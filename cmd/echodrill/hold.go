package main

import (
	"context"
	"fmt"
	"time"
)

// hold is clients that connect and are silent: they cost the service what a connection costs.
type hold struct {
	Address     address       `arg:"" help:"Where the service listens."`
	Connections int           `default:"100" help:"How many clients."`
	Patience    time.Duration `default:"60s" help:"For a connection."`
}

func (h *hold) run(ctx context.Context) (string, error) {
	conns, err := h.Address.dialAll(ctx, h.Connections, h.Patience)
	if err != nil {
		return "", errUnlessOver(ctx, err)
	}
	defer closeAll(conns)
	fmt.Printf("holding %d connections\n", len(conns))
	<-ctx.Done()
	return fmt.Sprintf("held %d connections", len(conns)), nil
}

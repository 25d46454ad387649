package apm

import (
	"fmt"

	"github.com/ringport/ringport/ops"
)

// pair is a Begin and the End that belongs to it.
type pair uint8

const (
	noPair pair = iota
	acceptPair
	acceptReceivePair
	connectPair
	disconnectPair
	receivePair
	receiveFromPair
	receiveMessageFromPair
	sendPair
	sendToPair
	sendFilePair
)

var pairNames = [...]string{
	acceptPair:             "Accept",
	acceptReceivePair:      "AcceptReceive",
	connectPair:            "Connect",
	disconnectPair:         "Disconnect",
	receivePair:            "Receive",
	receiveFromPair:        "ReceiveFrom",
	receiveMessageFromPair: "ReceiveMessageFrom",
	sendPair:               "Send",
	sendToPair:             "SendTo",
	sendFilePair:           "SendFile",
}

// foreign is End's answer to a result that is not its own.
func (p pair) foreign() error {
	return fmt.Errorf("apm: End%s: the result is nil or another operation's; pass what Begin%[1]s gave: %w",
		pairNames[p], ops.ErrArgument)
}

// argument is Begin's answer to an argument that makes no sense.
func (p pair) argument(detail string) error {
	return fmt.Errorf("apm: Begin%s: %s: %w", pairNames[p], detail, ops.ErrArgument)
}

var errWaitOnPort = fmt.Errorf("apm: the operation is pending and this is the goroutine that would end it; "+
	"wait on another, or go on in its callback: %w", ops.ErrState)

package ops

import "strconv"

// Operation names what an op was started for. The numbers and names are those of .NET's SocketAsyncOperation.
type Operation uint8

// The operations. None is what an op says that was never started.
const (
	None Operation = iota
	Accept
	Connect
	Disconnect
	Receive
	ReceiveFrom
	ReceiveMessageFrom
	Send
	SendPackets
	SendTo
)

const operationCount = int(SendTo) + 1

var operationNames = [operationCount]string{
	None:               "None",
	Accept:             "Accept",
	Connect:            "Connect",
	Disconnect:         "Disconnect",
	Receive:            "Receive",
	ReceiveFrom:        "ReceiveFrom",
	ReceiveMessageFrom: "ReceiveMessageFrom",
	Send:               "Send",
	SendPackets:        "SendPackets",
	SendTo:             "SendTo",
}

// operationPhrases are the names as error messages say them.
var operationPhrases = [operationCount]string{
	None:               "",
	Accept:             "accept",
	Connect:            "connect",
	Disconnect:         "disconnect",
	Receive:            "receive",
	ReceiveFrom:        "receive from",
	ReceiveMessageFrom: "receive message from",
	Send:               "send",
	SendPackets:        "send packets",
	SendTo:             "send to",
}

// String returns .NET's name of the operation, or Operation(n) for a number that is none.
func (o Operation) String() string {
	if int(o) < operationCount {
		return operationNames[o]
	}
	return "Operation(" + strconv.Itoa(int(o)) + ")"
}

// sends tells whether the operation may send the op's buffer.
func (o Operation) sends() bool { return o == Send || o == SendTo || o == SendPackets || o == Connect }

// phrase returns the operation as error messages say it; None has none.
func (o Operation) phrase() string {
	if int(o) < operationCount {
		return operationPhrases[o]
	}
	return o.String()
}

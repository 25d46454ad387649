package ops

// The insides of the value types, for the tests in ops_test.
var (
	AppendSockaddr     = appendSockaddr
	ParseSockaddr      = parseSockaddr
	UnixSockaddr       = unixSockaddr
	EndpointOfSockaddr = endpointOfSockaddr
	SocketFlagsOf      = socketFlagsOf
	FamilyOf           = familyOf

	ErrorOf          = errorOf
	AbortedError     = abortedError
	ClosedError      = closedError
	ArgumentError    = argumentError
	StateError       = stateError
	UnsupportedError = unsupportedError
	WithOperation    = withOperation
)

// OperationCount is how many operations there are, None included.
const OperationCount = operationCount

// MsgFlags exports msgFlags.
func (f SocketFlags) MsgFlags() int { return f.msgFlags() }

// Unknown exports unknown.
func (f SocketFlags) Unknown() SocketFlags { return f.unknown() }

// Domain exports domain.
func (f Family) Domain() int { return f.domain() }

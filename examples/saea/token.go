package main

import "github.com/ringport/ringport/ops"

// AsyncUserToken is what an op knows of the client that it serves.
type AsyncUserToken struct {
	Socket *ops.Socket // nil while the op is in the pool
	buffer []byte      // all of the op's memory, however much of it the last send took
}

func tokenOf(e *ops.Op) *AsyncUserToken { return e.UserToken.(*AsyncUserToken) }

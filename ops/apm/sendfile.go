package apm

import "github.com/ringport/ringport/ops"

// BeginSendFile starts to send a file, behind the sends that were begun. A file that cannot be opened is Begin's
// error. callback may be nil; state is what Result.State gives it. See ops.Socket.SendPacketsAsync.
func BeginSendFile(s *ops.Socket, path string, callback func(*Result), state any) (*Result, error) {
	return BeginSendFileBetween(s, path, nil, nil, 0, callback, state)
}

// BeginSendFileBetween is BeginSendFile with bytes before the file and after it, either of which may be nil and
// must stay unchanged until the operation is over. Without a path only these are sent. The flags say what follows.
func BeginSendFileBetween(s *ops.Socket, path string, before, after []byte, flags ops.SendPacketsFlags,
	callback func(*Result), state any,
) (*Result, error) {
	r := newResult(sendFilePair, s, callback, state)
	elements := []ops.SendPacketsElement{ops.ElementMemory(before), {}, ops.ElementMemory(after)}
	if path != "" {
		elements[1] = ops.ElementFile(path, 0, 0)
	}
	r.op.SetSendPacketsElements(elements)
	r.op.SendPacketsFlags = flags
	return r.begin(s, (*ops.Socket).SendPacketsAsync)
}

// EndSendFile waits for a BeginSendFile or BeginSendFileBetween.
func EndSendFile(r *Result) error {
	_, err := r.end(sendFilePair)
	return err
}

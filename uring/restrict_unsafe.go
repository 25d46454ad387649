package uring

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/ringport/ringport/internal/sys"
)

// enabledRegisters are the registrations that an owner makes, or takes back, once its ring is enabled.
var enabledRegisters = []uint8{
	sys.IORING_REGISTER_RING_FDS, sys.IORING_UNREGISTER_RING_FDS,
	sys.IORING_REGISTER_PBUF_RING, sys.IORING_UNREGISTER_PBUF_RING,
}

// restrict has the kernel refuse, from Enable on and for good, every operation that is not named, every flag of an SQE
// but the choice of a buffer, and the registrations that no owner makes. A seccomp filter sees the three system calls
// of a ring and not what goes through it; this is the filter for the inside. The ring must not be enabled. Since 5.10.
func (r *Ring) restrict(allow []string) error {
	if len(allow) == 0 {
		return nil
	}
	if r.features.Flags&FlagDisabled == 0 {
		return &FeatureError{Name: "restrictions, which take R_DISABLED", MinKernel: "5.10"}
	}
	rules := []sys.Restriction{
		{Opcode: sys.IORING_RESTRICTION_SQE_FLAGS_ALLOWED, Arg: sys.IOSQE_BUFFER_SELECT},
	}
	for _, opcode := range enabledRegisters {
		rules = append(rules, sys.Restriction{Opcode: sys.IORING_RESTRICTION_REGISTER_OP, Arg: opcode})
	}
	for _, name := range allow {
		operation, err := operationOf(name)
		if err != nil {
			return err
		}
		if r.features.Supports(operation.Code) { // the kernel takes no rule for what it does not know
			rules = append(rules, sys.Restriction{Opcode: sys.IORING_RESTRICTION_SQE_OP, Arg: operation.Code})
		}
	}
	// SAFETY: rules is read inside the call only.
	errno := r.register(sys.IORING_REGISTER_RESTRICTIONS, unsafe.Pointer(&rules[0]), uint32(len(rules)))
	if errno != 0 {
		return registerError("restrictions", errno)
	}
	return nil
}

func operationOf(name string) (Operation, error) {
	all := Operations()
	i := slices.IndexFunc(all, func(o Operation) bool { return o.Name == name })
	if i < 0 {
		return Operation{}, fmt.Errorf("uring: Config.Allow has %q, which is no operation; Operations lists them", name)
	}
	return all[i], nil
}

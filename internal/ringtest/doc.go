// Package ringtest gives tests a ring to work with and checks what they leave behind. Only test files import it.
//
// A machine that refuses io_uring makes such a test skip, with the reason and the mend. A machine that should have it
// makes the test fail instead: a kernel from 5.19 on whose sysctl and seccomp filter do not refuse it, or any machine
// when RINGPORT_REQUIRED=1 is in the environment.
package ringtest

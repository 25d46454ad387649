package uringprobe

import "fmt"

// disabledText explains the sysctl kernel.io_uring_disabled.
func disabledText(h host) string {
	if h.Disabled == nil {
		return "no such sysctl (it came with kernel 6.6), so rings are not switched off by it"
	}
	switch *h.Disabled {
	case 0:
		return "0: every process may have rings"
	case 1:
		group := "set kernel.io_uring_group to allow a group"
		if h.Group != nil && *h.Group >= 0 {
			group = fmt.Sprintf("the group %d may, too", *h.Group)
		}
		return "1: only processes with CAP_SYS_ADMIN may have rings; " + group
	case 2:
		return "2: no process may have rings; sysctl -w kernel.io_uring_disabled=0 allows them"
	}
	return fmt.Sprintf("%d: unknown", *h.Disabled)
}

// seccompText explains the seccomp mode of this process.
func seccompText(mode string) string {
	switch mode {
	case "none":
		return "none: no filter on system calls"
	case "filter":
		return "filter: a profile decides about every system call, io_uring_setup among them"
	case "strict":
		return "strict: only read, write and exit are allowed"
	}
	return "unknown: /proc does not say"
}

// ipcLockText says whether the ring is charged to the limit.
func ipcLockText(h host) string {
	switch {
	case h.IPCLock && h.Namespace:
		return "yes, but in a user namespace, where it does not count: rings are charged to memlock"
	case h.IPCLock:
		return "yes: rings are not charged to memlock"
	}
	return "no: rings are charged to memlock"
}

// memlockText compares the limit with the need.
func memlockText(m memlock) string {
	verdict := "enough"
	switch {
	case !m.Charged:
		verdict = "not charged"
	case !m.Enough:
		verdict = "too little"
	}
	return fmt.Sprintf("%s: the limit is %s; a default ring needs %s and its buffer ring %s",
		verdict, limitText(m.Limit), bytesText(m.Ring), bytesText(m.BufferRing))
}

func limitText(limit *uint64) string {
	if limit == nil {
		return "unlimited"
	}
	return bytesText(*limit)
}

// bytesText is a number of bytes in the largest unit that leaves a whole number of them or one decimal.
func bytesText(n uint64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	unit, size := 0, float64(n)
	for size >= 1024 && unit < len(units)-1 {
		unit, size = unit+1, size/1024
	}
	if size == float64(uint64(size)) {
		return fmt.Sprintf("%d %s", uint64(size), units[unit])
	}
	return fmt.Sprintf("%.1f %s", size, units[unit])
}

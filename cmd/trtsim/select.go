package main

// selectDevice prints the device block, or says that there is no such device.
func (s *sim) selectDevice() (status, bool) {
	l := s.log
	listed := s.version.AtLeast(9, 1)
	id := max(s.options.Device, 0)
	if !listed && (s.gpu == nil || id > 0) {
		text := "no CUDA-capable device is detected"
		if s.gpu != nil {
			text = "invalid device ordinal"
		}
		l.bare("Cuda failure: %s", text)
		return s.cudaFailure(), false
	}
	l.info("=== Device Information ===")
	if listed {
		l.info("Available Devices: ")
		if s.gpu == nil {
			l.info("Cannot find any available devices (GPUs)!")
			return silent, false
		}
		l.info("  Device 0: %q UUID: %s", s.gpu.Product, s.gpu.UUID)
		if id > 0 {
			l.info("Cannot find device ID %d!", id)
			return silent, false
		}
	}
	d := s.gpu
	l.info("Selected Device: %s", d.Product)
	if listed {
		l.info("Selected Device ID: %d", id)
		l.info("Selected Device UUID: %s", d.UUID)
	}
	l.info("Compute Capability: %s", d.SM)
	l.info("SMs: %d", d.SMs)
	ghz := func(kHz int) string { return number(float64(kHz) / 1e6) }
	old := !s.version.AtLeast(8, 6)
	if old {
		l.info("Compute Clock Rate: %s GHz", ghz(d.CoreKHz))
	}
	l.info("Device Global Memory: %d MiB", d.MemoryMiB)
	l.info("Shared Memory per SM: %d KiB", d.SharedKiB)
	ecc := "disabled"
	if d.ECC {
		ecc = "enabled"
	}
	l.info("Memory Bus Width: %d bits (ECC %s)", d.BusBits, ecc)
	if old {
		l.info("Memory Clock Rate: %s GHz", ghz(d.MemoryKHz))
		return status{}, true
	}
	l.info("Application Compute Clock Rate: %s GHz", ghz(d.CoreKHz))
	l.info("Application Memory Clock Rate: %s GHz", ghz(d.MemoryKHz))
	l.info("")
	l.info("Note: The application clock rates do not reflect the actual clock rates that the GPU is currently running at.")
	return status{}, true
}

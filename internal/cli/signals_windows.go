package cli

import "os"

// stopSignals are what asks a command to stop: Windows has Ctrl-C and Ctrl-Break only.
func stopSignals() []os.Signal { return []os.Signal{os.Interrupt} }

package proc

import "errors"

func playWatcher() error { return errors.New("Windows has jobs") }

package inventory

import "errors"

func read([]byte) ([]GPU, error) { return nil, errors.New("not a list of GPUs") }

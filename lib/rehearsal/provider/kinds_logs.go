package provider

func logsKinds() []Kind { return nil }

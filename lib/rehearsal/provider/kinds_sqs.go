package provider

func sqsKinds() []Kind { return nil }

package provider

func lambdaKinds() []Kind { return nil }

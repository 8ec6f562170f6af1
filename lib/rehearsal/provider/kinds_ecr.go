package provider

func ecrKinds() []Kind { return nil }

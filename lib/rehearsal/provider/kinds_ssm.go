package provider

func ssmKinds() []Kind { return nil }

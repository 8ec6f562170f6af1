package provider

func cloudtrailKinds() []Kind { return nil }

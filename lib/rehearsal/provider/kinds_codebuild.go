package provider

func codebuildKinds() []Kind { return nil }

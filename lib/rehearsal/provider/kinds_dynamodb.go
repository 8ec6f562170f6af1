package provider

func dynamodbKinds() []Kind { return nil }

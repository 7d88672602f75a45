package mappings

func startInTest() { go func() {}() }

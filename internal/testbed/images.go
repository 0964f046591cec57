package testbed

// Image is a stand-in for an NGC TensorRT image: trtsim under trtexec's name.
type Image struct {
	Tag, TensorRT, CUDA string
}

// Images are what the test registry holds: one image per TensorRT generation
// that the tests use, tagged as NGC tags it.
var Images = []Image{
	{"23.09-py3", "8.6.1.6", "12.2.1"},
	{"24.08-py3", "10.3.0.26", "12.6.0"},
	{"26.07-py3", "11.1.0.106", "13.3.0"},
}

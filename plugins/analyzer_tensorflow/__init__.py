"""Reads the graphs of TensorFlow: counted from their nodes alone, nothing is run."""

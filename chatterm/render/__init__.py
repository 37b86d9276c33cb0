"""Text made fit for a screen; knows neither Textual nor the terminal's size unless told."""

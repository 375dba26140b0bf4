"""The worlds that the sandbox can be filled with, one module a business."""

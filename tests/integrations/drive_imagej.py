"""Run in Jython beside ImageJ by test_imagej.py: the script for Fiji on three images.

    drive_imagej.py SCRIPT IMAGE

Prints one line of JSON for each: nuclei in the ROI Manager, rows of the table, and of the last
nucleus its name, its slice, the pixels in its region and its area in the table.
"""

import imp
import json
import os
import sys

from ij import IJ, ImageJ, ImagePlus, ImageStack

script = imp.load_source("script", sys.argv[1])


def segment(image):
    image.show()
    manager, table = script.segment(image, lambda line: sys.stderr.write(line + "\n"))
    region = manager.getRoisAsArray()[-1]
    image.setRoi(region)
    found = {
        "regions": manager.getCount(),
        "rows": table.size(),
        "name": region.getName(),
        "slice": region.getPosition(),
        "pixels": image.getStatistics().pixelCount,
        "area": table.getValue("area", table.size() - 1),
        "image": table.getStringValue("image", 0),
    }
    manager.reset()
    print(json.dumps(found))


def deep_stack(plane):
    """A 16-bit stack of two slices, calibrated, the second on show; the first is empty."""
    deep = plane.convertToShort(False)
    deep.multiply(100)
    empty = deep.duplicate()
    empty.multiply(0)
    stack = ImageStack(deep.getWidth(), deep.getHeight())
    stack.addSlice(empty)
    stack.addSlice(deep)
    image = ImagePlus("deep stack", stack)
    image.getCalibration().setUnit("um")
    image.getCalibration().pixelWidth = image.getCalibration().pixelHeight = 0.5
    image.setSlice(2)
    return image


ImageJ()
gray = IJ.openImage(sys.argv[2])
plane = gray.getProcessor().duplicate()
segment(gray)
segment(ImagePlus("colour", plane.convertToRGB()))
segment(deep_stack(plane))
try:
    script.run(["/nowhere/nucleisplit"], None)
except script.Problem as problem:
    print(json.dumps({"problem": str(problem)}))
sys.stdout.flush()
os._exit(0)

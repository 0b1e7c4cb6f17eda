"""nucleisplit for Fiji and ImageJ: outlines and measures the nuclei of the image in front.

Run it from the script editor, or put it into the folder scripts/Plugins of Fiji. What is on show,
one channel of one slice, is segmented by the program nucleisplit, which has to be installed. The
nuclei come back as regions in the ROI Manager and as a table.
"""

import os
import re
import shutil
import tempfile

EXECUTABLE = ""
"""Full path of the program nucleisplit; empty: what the environment variable NUCLEISPLIT says, else
the one on the PATH."""
OPTIONS = []
"""More options of nucleisplit infer, such as ["--min-iou", "0.6"]."""


class Problem(Exception):
    """What the user has to know, in one line."""


def program():
    """Path or name of the program."""
    return EXECUTABLE or os.environ.get("NUCLEISPLIT") or "nucleisplit"


def command(image, out):
    """Words of the command that segments the image file `image` into the folder `out`."""
    return [program(), "infer", image, "--out", out, "--write", "roi", "--no-overlay"] + OPTIONS


def problem_of(lines):
    """The one line of what the command wrote that says what went wrong."""
    lines = [line.strip() for line in lines if line.strip()]
    told = [line for line in lines if line.startswith(("nucleisplit: ", "Error: "))]
    return (told or lines or ["nucleisplit failed and did not say why"])[-1]


def name_of(title):
    """What the file of an image is called: its title, without what file systems refuse."""
    return re.sub(r"[^A-Za-z0-9-]+", "_", os.path.splitext(title)[0]).strip("_") or "image"


def results(out, name):
    """Paths of the regions and of the table that the command wrote."""
    return os.path.join(out, name + ".rois.zip"), os.path.join(out, "nuclei.csv")


def save_plane(image, path):
    """Write the plane of an ImagePlus that is on show, all of it, as a TIFF."""
    from ij import ImagePlus
    from ij.io import FileSaver

    plane = image.getProcessor().duplicate()
    if image.getType() == ImagePlus.COLOR_256:
        plane = plane.convertToRGB()
    copy = ImagePlus("plane", plane)
    copy.setCalibration(image.getCalibration())
    if not FileSaver(copy).saveAsTiff(path):
        raise Problem("the image cannot be saved to " + path)


def run(words, log):
    """Run a command, handing each line it writes to `log`."""
    from java.io import BufferedReader, InputStreamReader, IOException
    from java.lang import ProcessBuilder

    try:
        process = ProcessBuilder(words).redirectErrorStream(True).start()
    except IOException:
        process = None
    if process is None:
        raise Problem(
            "nucleisplit: not found as " + words[0] + "; install nucleisplit, and "
            "write its full path behind EXECUTABLE at the top of the script"
        )
    lines = []
    try:
        reader = BufferedReader(InputStreamReader(process.getInputStream(), "UTF-8"))
        line = reader.readLine()
        while line is not None:
            lines.append(line)
            log(line)
            line = reader.readLine()
        if process.waitFor():
            raise Problem(problem_of(lines))
    finally:
        process.destroy()


def show(image, rois, table):
    """Add the regions to the ROI Manager and open the table."""
    from ij.measure import ResultsTable
    from ij.plugin.frame import RoiManager

    manager = RoiManager.getInstance() or RoiManager()
    before = manager.getCount()
    manager.runCommand("Open", rois)
    if image.getStackSize() > 1:
        for roi in manager.getRoisAsArray()[before:]:
            roi.setPosition(image.getCurrentSlice())
    rows = ResultsTable.open(table)
    rows.show("nuclei of " + image.getTitle())
    return manager, rows


def segment(image, log):
    """Segment an ImagePlus; the ROI Manager and the table with its nuclei."""
    folder, name = tempfile.mkdtemp(prefix="nucleisplit-"), name_of(image.getTitle())
    try:
        plane, out = os.path.join(folder, name + ".tif"), os.path.join(folder, "out")
        save_plane(image, plane)
        log("nucleisplit: segmenting " + image.getTitle())
        run(command(plane, out), log)
        return show(image, *results(out, name))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    from ij import IJ, WindowManager

    image = WindowManager.getCurrentImage()
    if image is None:
        IJ.error("nucleisplit", "Open an image first.")
        return
    IJ.showStatus("nucleisplit: segmenting " + image.getTitle())
    try:
        _, rows = segment(image, IJ.log)
        IJ.showStatus("nucleisplit: " + str(rows.size()) + " nuclei")
    except Problem as problem:
        IJ.showStatus("nucleisplit failed")
        IJ.error("nucleisplit", str(problem))


if __name__ in ("__main__", "__builtin__"):
    main()

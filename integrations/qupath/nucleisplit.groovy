/*
 * nucleisplit for QuPath 0.4 and later: outlines the nuclei of the open image as detections.
 *
 * Run it from the script editor (Automate > Script editor). Selected annotations are segmented,
 * each within its outline; without any, the whole plane on show. The program nucleisplit does the
 * work and has to be installed. See README.md in the folder above for what comes back. Run against
 * stand-ins for the classes of QuPath, never in QuPath itself.
 */
import com.google.gson.Gson
import java.awt.geom.AffineTransform
import java.nio.file.Files
import qupath.lib.images.servers.TransformedServerBuilder
import qupath.lib.io.PathIO
import qupath.lib.objects.PathObjectTools
import qupath.lib.regions.ImagePlane
import qupath.lib.regions.RegionRequest

import static qupath.lib.gui.scripting.QPEx.*

// Full path of the program; empty: what the environment variable NUCLEISPLIT says, else the PATH.
String EXECUTABLE = ""
// In um: what is finer is shrunk to this before it is segmented, such as 0.5 for slides. 0: never.
double PIXEL_SIZE = 0
// The channel of the nuclei by name, where the image has several and is not a colour image.
String CHANNEL = ""
// More options of nucleisplit infer, such as ["--min-iou", "0.6"].
List<String> OPTIONS = []

// QuPath exports a region in one piece: for more see import_nuclei.groovy.
long MOST_PIXELS = 1L << 28

def imageData = getCurrentImageData()
if (imageData == null) {
    say "open an image first"
    return
}
def server = imageData.getServer()

// Which channel, at which resolution.
if (!server.isRGB() && server.nChannels() > 1) {
    def names = server.getMetadata().getChannels().collect { it.getName() }
    if (!names.contains(CHANNEL)) {
        say "the image has the channels ${names.join(', ')}; write one behind CHANNEL at the top"
        return
    }
    server = new TransformedServerBuilder(server).extractChannels(names.indexOf(CHANNEL)).build()
}
double downsample = 1
if (PIXEL_SIZE > 0) {
    def calibration = server.getPixelCalibration()
    if (!calibration.hasPixelSizeMicrons()) {
        say "the image does not say its pixel size; set PIXEL_SIZE to 0 at the top"
        return
    }
    downsample = Math.max(1, PIXEL_SIZE / calibration.getAveragedPixelSizeMicrons())
}

// Which regions: the bounds of the selected annotations, or all.
def regions = getSelectedObjects()
    .findAll { it.isAnnotation() && it.hasROI() && it.getROI().isArea() }
    .collect { region(it, server) }
    .findAll { it.width > 0 && it.height > 0 }
if (regions.isEmpty()) {
    def viewer = getCurrentViewer()
    regions = [[parent: null, x: 0, y: 0, width: server.getWidth(), height: server.getHeight(),
                z: viewer?.getZPosition() ?: 0, t: viewer?.getTPosition() ?: 0]]
}
def large = regions.find { it.width / downsample * (it.height / downsample) > MOST_PIXELS }
if (large) {
    say "${large.width} x ${large.height} pixels are too many at once; select smaller " +
        "annotations, set PIXEL_SIZE at the top, or use import_nuclei.groovy"
    return
}

def folder = Files.createTempDirectory("nucleisplit-").toFile()
try {
    def images = new File(folder, "images")
    def out = new File(folder, "out")
    images.mkdir()
    regions.eachWithIndex { part, number ->
        say "exporting region ${number + 1} of ${regions.size()}"
        def request = RegionRequest.createInstance(
            server.getPath(), downsample, part.x, part.y, part.width, part.height, part.z, part.t)
        writeImageRegion(server, request, new File(images, nameOf(number)).getPath())
    }

    def program = EXECUTABLE ?: System.getenv("NUCLEISPLIT") ?: "nucleisplit"
    def problem = run(commandLine(program, images, out, OPTIONS))
    if (problem && !new File(out, "run.json").isFile()) {
        say problem
        return
    }

    def entries = new Gson().fromJson(new File(out, "run.json").getText("UTF-8"), Map).images
    int count = 0
    regions.eachWithIndex { part, number ->
        def entry = entries.find { it.image == nameOf(number) }
        if (entry?.status == "ok") {
            def found = PathIO.readObjects(new File(out, entry.written.geojson))
            count += place(found, part, part.width / entry.width, part.height / entry.height)
        }
    }
    fireHierarchyUpdate()
    say "${count} nuclei" + (problem ? "; ${problem}" : "")
} finally {
    folder.deleteDir()
}


void say(message) {
    println "nucleisplit: " + (message as String).replaceFirst("^nucleisplit: ", "")
}

/** The bounds of an annotation, in whole pixels within the image. */
Map region(annotation, server) {
    def roi = annotation.getROI()
    int left = Math.max(0, Math.floor(roi.getBoundsX()) as int)
    int top = Math.max(0, Math.floor(roi.getBoundsY()) as int)
    double beyond = Math.ceil(roi.getBoundsX() + roi.getBoundsWidth())
    double below = Math.ceil(roi.getBoundsY() + roi.getBoundsHeight())
    int right = Math.min(server.getWidth(), beyond as int)
    int bottom = Math.min(server.getHeight(), below as int)
    [parent: annotation, x: left, y: top, width: right - left, height: bottom - top,
     z: roi.getZ(), t: roi.getT()]
}

String nameOf(number) {
    "region-${number + 1}.tif"
}

List<String> commandLine(program, images, out, options) {
    [program, "infer", images.getPath(), "--out", out.getPath(), "--write", "geojson",
     "--no-overlay", "--verbose"] + options
}

/** Run a command, logging what it writes; null, or what went wrong in one line. */
String run(command) {
    def process
    try {
        process = new ProcessBuilder(command).redirectErrorStream(true).start()
    } catch (IOException ignored) {
        return "not found as ${command[0]}; install nucleisplit, and write its " +
            "full path behind EXECUTABLE at the top"
    }
    def lines = []
    try {
        process.getInputStream().eachLine("UTF-8") {
            if (it.trim()) {
                lines << it.trim()
                say it.trim()
            }
        }
        if (process.waitFor() == 0)
            return null
    } finally {
        process.destroy()
    }
    def told = lines.findAll { it.startsWith("nucleisplit: ") || it.startsWith("Error: ") }
    (told ?: lines ?: ["failed and did not say why"]).last()
}

/** Put detections where they are in the image, in place of earlier ones; their number. */
int place(objects, region, double across, double down) {
    def toImage = new AffineTransform()
    toImage.translate(region.x, region.y)
    toImage.scale(across, down)
    def plane = ImagePlane.getPlane(region.z, region.t)
    def placed = objects.collect {
        def moved = PathObjectTools.transformObject(it, toImage, true)
        PathObjectTools.updatePlane(moved, plane, true, true)
    }
    def parent = region.parent
    if (parent == null) {
        def earlier = getDetectionObjects().findAll {
            isNucleus(it) && it.getROI().getZ() == region.z && it.getROI().getT() == region.t
        }
        removeObjects(earlier, true)
        addObjects(placed)
    } else {
        placed = placed.findAll {
            parent.getROI().contains(it.getROI().getCentroidX(), it.getROI().getCentroidY())
        }
        parent.removeChildObjects(parent.getChildObjects().findAll { isNucleus(it) })
        parent.addChildObjects(placed)
    }
    placed.size()
}

boolean isNucleus(object) {
    object.isDetection() && object.getPathClass()?.getName() == "Nucleus"
}

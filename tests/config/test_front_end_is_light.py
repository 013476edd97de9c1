import subprocess
import sys

HEAVY = ["numpy", "av", "cv2", "torch", "mediapipe", "onnxruntime", "pipeline"]


def test_loading_the_front_end_loads_none_of_the_heavy_libraries():
    program = f"import config.front_end, sys; print([m for m in {HEAVY} if m in sys.modules])"

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert loaded.stdout == "[]\n"


def test_loading_the_foreman_loads_none_of_the_heavy_libraries():
    program = f"import config.back_end, sys; print([m for m in {HEAVY} if m in sys.modules])"

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert loaded.stdout == "[]\n"

# npm runs node-gyp where it finds this file, unless package.json says "gypfile": false, which ours does. Whoever runs
# node-gyp by hand gets the CMake build, the only one there is.
{
  "targets": [
    {
      "target_name": "hostflame",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": ["native/CMakeLists.txt"],
          "outputs": ["build/native/hostflame.node"],
          "action": ["sh", "-c", "cmake -S . -B build/cmake && cmake --build build/cmake"],
        }
      ],
    }
  ]
}
